"""Analytical models of published papers: they decide tolerance classes and give a second opinion; nothing here takes
part in a simulation."""
