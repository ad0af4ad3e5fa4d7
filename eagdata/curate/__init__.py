"""What is removed before rows are written, and the record of every removal."""
