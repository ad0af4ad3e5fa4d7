"""What a dataset is like: token lengths, the figure, the report page. Values in, values out; nothing here writes a file."""
