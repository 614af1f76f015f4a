"""Ways of training a fusion, whatever net it is."""
