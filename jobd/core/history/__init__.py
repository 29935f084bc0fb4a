"""What is asked of jobs that were: which, in which order, page by page, summed up; and how long they are kept."""
