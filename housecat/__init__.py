"""The program that puts worlds, world models and planners together: collect, train, evaluate, report."""

__version__ = "0.1.0"
