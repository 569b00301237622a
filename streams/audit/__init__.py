"""Reading the log back as an auditor: is it whole, how did things come to be as they are, and proof to take away."""
