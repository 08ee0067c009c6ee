"""A private RabbitMQ: its own folders, cookie and port mapper, on the loopback address only."""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
from pathlib import Path

from sandbox.machine import debs
from sandbox.machine.libraries import search_path
from sandbox.machine.nodes import Node, await_answer, launch, remembered_ports, remembered_secret
from sandbox.machine.processes import run

NAME = "ledgerpress"
# Tests have virtual hosts of their own, one for each process that runs some, so that nobody sees others' messages.
VHOSTS = ("/", "test", "test-gw0", "test-gw1", "test-gw2", "test-gw3")
_SERVER = "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"
_ERLANG = "usr/lib/erlang"
_CONF = """\
listeners.tcp.1 = 127.0.0.1:{port}
load_definitions = {definitions}
disk_free_limit.absolute = 200MB
log.file = false
log.console = true
log.console.level = info
"""
# The header with which an AMQP 0-9-1 client opens; a node answers it only when it has booted.
_GREETING = b"AMQP\x00\x00\x09\x01"


def install() -> Path:
    """Return the folder that RabbitMQ lies in: ``/`` where it is installed, else a folder with Debian's packages."""
    if _installed(Path("/")):
        return Path("/")
    otherwise = "Is there a network? Else install rabbitmq-server by hand, or set RABBITMQ_URL."
    return debs.unpack("rabbitmq", ["rabbitmq-server"], otherwise, _installed, _relocate)


def start(home: Path) -> Node:
    """Start a node on the data below ``home`` and wait until it answers."""
    root = install()
    ports = remembered_ports(home / "ports.json", ["amqp", "distribution", "epmd"])
    password = remembered_secret(home / "password")
    remembered_secret(home / ".erlang.cookie")
    definitions = home / "definitions.json"
    definitions.write_text(json.dumps(_definitions(password)))
    conf = _CONF.format(port=ports["amqp"], definitions=definitions)
    (home / "rabbitmq.conf").write_text(conf)
    (home / "enabled_plugins").write_text("[].\n")
    (home / "log").write_bytes(b"")
    # A first boot that was cut short may never have made the user.
    if not (home / "booted").exists():
        shutil.rmtree(home / "data", ignore_errors=True)
    env = _environment(root, home, ports)
    # Started here, the port mapper is our child and dies with us; Erlang would start one that nobody owns.
    launch([root / _ERLANG / "bin/epmd"], home, env, signal.SIGKILL)
    server = launch([_script(root)], home, env, signal.SIGTERM)
    await_answer("RabbitMQ", server, home, lambda: _answers(ports["amqp"]))
    (home / "booted").touch()
    url = f"amqp://{NAME}:{password}@127.0.0.1:{ports['amqp']}/%2F"
    return Node(url, server, signal.SIGTERM)


def make_vhost_anew(home: Path, *, queues: str = "classic") -> None:
    """Delete the node's own virtual host with all that is in it, and make it again, for queues of that type.

    The type is what a queue becomes that is declared without one: RabbitMQ's ``default_queue_type``.
    """
    root = install()
    ports: dict[str, int] = json.loads((home / "ports.json").read_text())
    everything = ", ".join(['<<".*">>'] * 3)
    told = (
        f'rabbit_vhost:delete(<<"/">>, <<"{NAME}">>), '
        f'rabbit_vhost:add(<<"/">>, #{{default_queue_type => <<"{queues}">>}}, <<"{NAME}">>), '
        f'rabbit_auth_backend_internal:set_permissions(<<"{NAME}">>, <<"/">>, {everything}, <<"{NAME}">>).'
    )
    control = _script(root).with_name("rabbitmqctl")
    run([control, "eval", told], "rabbitmqctl", env=_environment(root, home, ports))


def forget_everything(home: Path) -> None:
    """Let the node begin with an empty disk when it is started next. It must not be running."""
    (home / "booted").unlink(missing_ok=True)


def apart(environment: dict[str, str]) -> dict[str, str]:
    """What to change in ``environment`` for tests: their own virtual host, if the broker is the private one."""
    url = environment["RABBITMQ_URL"]
    return (
        {} if os.environ.get("RABBITMQ_URL") else {"RABBITMQ_URL": url.removesuffix("%2F") + "test"}
    )


def _definitions(password: str) -> dict[str, object]:
    """What the node knows from its first boot on: one user, who may do everything in every virtual host.

    The hash is RabbitMQ's: four bytes of salt, and SHA-256 over salt and password, together in base64.
    """
    salt = hashlib.sha256(password.encode()).digest()[:4]
    digest = salt + hashlib.sha256(salt + password.encode()).digest()
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [
            {
                "name": NAME,
                "password_hash": base64.b64encode(digest).decode(),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator",
            }
        ],
        "vhosts": [{"name": vhost} for vhost in VHOSTS],
        "permissions": [{"user": NAME, "vhost": vhost, **everything} for vhost in VHOSTS],
    }


def _environment(root: Path, home: Path, ports: dict[str, int]) -> dict[str, str]:
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": f"{root / _ERLANG}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LD_LIBRARY_PATH": search_path(root) if root != Path("/") else "",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(ports["epmd"]),
        "ERL_CRASH_DUMP_SECONDS": "0",
        "RABBITMQ_NODENAME": f"{NAME}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(ports["amqp"]),
        "RABBITMQ_DIST_PORT": str(ports["distribution"]),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2",
        "RABBITMQ_MNESIA_BASE": f"{home}/data",
        "RABBITMQ_LOG_BASE": str(home),
        "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
        "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/none.config",
        "RABBITMQ_CONF_ENV_FILE": f"{home}/none.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
        "RABBITMQ_PLUGINS_DIR": str(_script(root).parents[1] / "plugins"),
        "RABBITMQ_PLUGINS_EXPAND_DIR": f"{home}/plugins",
        "RABBITMQ_GENERATED_CONFIG_DIR": f"{home}/generated",
        "RABBITMQ_SCHEMA_DIR": f"{home}/schema",
        "RABBITMQ_PID_FILE": f"{home}/pid",
    }


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as line:
            line.sendall(_GREETING)
            # A method frame: connection.start.
            return line.recv(1) == b"\x01"
    except OSError:
        return False


def _installed(root: Path) -> bool:
    return any(root.glob(_SERVER)) and (root / _ERLANG / "bin/erl").exists()


def _script(root: Path) -> Path:
    return max(root.glob(_SERVER))


def _relocate(now: Path, later: Path) -> None:
    # The one absolute path in Debian's Erlang.
    erl = now / _ERLANG / "bin/erl"
    erl.write_text(erl.read_text().replace(f"=/{_ERLANG}", f'="{later / _ERLANG}"'))
