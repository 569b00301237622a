"""The read models of documents, jobs, campaigns, publications and live sessions."""
