"""Snakemake and DVC: what each is told, and how they meet."""
