"""Requests that nobody thought of, made from openapi.json, at a real API process: none finds it wanting."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from events.products import CATALOGUE
from sandbox.purchase import checkout_completed
from sandbox.system import System
from tests.acceptance.buying import get, post
from tests.conftest import Server
from tests.running import running

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]
