"""Dialog that plans and fetches the inputs of a region."""
