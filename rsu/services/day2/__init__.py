"""Messages of the second application phase (T/CSAE 157-2020) from neutral SI descriptions."""
