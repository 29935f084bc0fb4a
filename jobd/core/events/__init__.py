"""What can happen to a job: an event is one class, says what it means and how it changes the record."""
