"""The HTTP edge: authentication, limits, validation; commands from requests, answers from read models. No decisions."""
