"""The catalogue: every module in this package is one product, and every product is one module.

To sell something new, add a file here that defines ``PRODUCT``. Nothing else needs to know. Modules
whose name begins with an underscore are not products.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from events.errors import NotFound, Refused
from events.plan import Product
from events.products._checks import faults

__all__ = ["CATALOGUE", "discover", "faults", "find"]


def discover(package: str, folders: Iterable[str]) -> Mapping[str, Product]:
    """Read all products of ``package``, which lies in ``folders``, in alphabetical order.

    Raises ``Refused`` once, with every fault of every product and the file it is in.
    """
    names = sorted(found.name for found in iter_modules(folders) if found.name[0] != "_")
    products: dict[str, Product] = {}
    complaints: list[str] = []
    for name in names:
        try:
            product = getattr(import_module(f"{package}.{name}"), "PRODUCT", None)
        except Exception as error:
            msg = f"{package} cannot be read: {name}.py: {error}"
            raise Refused(msg, reason="broken-product") from error
        if not isinstance(product, Product):
            complaints.append(f"{name}.py: defines no PRODUCT")
        elif product.name != name:
            complaints.append(f"{name}.py: the product is named {product.name!r}, not {name!r}")
        else:
            products[name] = product
    complaints += [
        f"{name}.py: {fault}"
        for name, product in products.items()
        for fault in faults(product, products)
    ]
    if complaints:
        msg = f"{package} cannot be sold as it is:\n  " + "\n  ".join(complaints)
        raise Refused(msg, reason="broken-product")
    return MappingProxyType(products)


CATALOGUE: Mapping[str, Product] = discover(__name__, __path__)


def find(name: str) -> Product:
    """Look up the product of that name. Raises ``NotFound`` if nothing is sold under it."""
    try:
        return CATALOGUE[name]
    except KeyError:
        msg = f"no such product; there are {', '.join(CATALOGUE)}"
        raise NotFound(msg, reason="unknown-product") from None
