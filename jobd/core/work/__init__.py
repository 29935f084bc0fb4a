"""What a job says of its work: reports, items and stages, taken in as its progress."""
