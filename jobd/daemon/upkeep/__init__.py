"""What happens by itself, now and then: what is due, what fell silent, what is settled, what goes."""
