"""What a council brings of its own: tables and areas."""
