"""Effects that several contexts make, as data: text messages, e-mails, webhooks, prompts for a language model."""
