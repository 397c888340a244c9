"""What is said of the finished index; nothing that it is made of reads from here."""
