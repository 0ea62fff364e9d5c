"""What a reader gets: table, JSON, pictures, page."""
