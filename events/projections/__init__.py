"""Projections across orders, each a pure fold of the whole log: one file for each.

To add one, add a module with a ``projection`` in it: it is found, and the keeper begins to feed it. When its fold, or
the schema of an event it folds, changes, raise its version: the keeper folds it afresh beside the old one. Until then
events of a newer schema are left out, because nobody knows what they say.
"""

import importlib
import pkgutil
from collections.abc import Mapping

from events.errors import NotFound
from events.folding import Projection


def _found() -> dict[str, Projection]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return {module.projection.name: module.projection for module in modules}


PROJECTIONS: Mapping[str, Projection] = _found()


def projection_named(name: str) -> Projection:
    """The projection of that name. Raises ``NotFound``, naming those there are."""
    if name not in PROJECTIONS:
        message = f"there is no projection {name!r}; there are: {', '.join(PROJECTIONS)}"
        raise NotFound(message, reason="unknown-projection")
    return PROJECTIONS[name]
