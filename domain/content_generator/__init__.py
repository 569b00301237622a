"""Facts of the content product: documents, jobs, campaigns, publications, posts and live sessions."""
