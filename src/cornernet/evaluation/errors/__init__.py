"""What a detector does wrong: kinds of mistakes, what each costs, which categories are confused."""
