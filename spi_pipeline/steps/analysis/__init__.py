"""What is said of the finished index. Nothing that the index is made of reads from here."""
