"""results.csv, differences.csv and the tables that are rendered from them."""
