"""Messages to people by SMS and e-mail: their recipients, deliveries and cost."""
