"""Where tasks come from: files, and programs that make them."""
