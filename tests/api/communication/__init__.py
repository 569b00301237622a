"""The communication surface over real HTTP, against the whole product in this process."""
