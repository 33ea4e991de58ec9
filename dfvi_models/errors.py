"""Errors of the networks and numerics. Each message says what was expected, what came, and what to do."""


class ShapeError(ValueError):
    """An array or tensor has the wrong shape or dtype."""


class MethodError(ValueError):
    """A method is unknown, or the package it comes from cannot be used."""


class TrainingError(ArithmeticError):
    """A training has run into numbers that are not finite."""


class WeightsError(ValueError):
    """A weight file is missing, damaged, of another network, or unsafe to read."""
