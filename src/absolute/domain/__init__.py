"""The foundation: facts and rules of trading as plain types, standard library only."""
