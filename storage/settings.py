"""The environment, read once and checked; printed only with its secrets struck out."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from events.errors import Refused


class BadSettings(Refused):
    """Settings are missing, unknown or broken; the message names every one of them."""

    reason = "bad-settings"


def _listed(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _url(*schemes: str, optional: bool = False) -> BeforeValidator:
    def check(value: object) -> object:
        if optional and not value:
            return None
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        parts = urlsplit(text)
        if parts.scheme not in schemes:
            message = f"must be a URL that starts with {' or '.join(s + '://' for s in schemes)}"
            raise ValueError(message)
        if parts.scheme != "file" and not parts.hostname:
            raise ValueError("names no host")
        try:
            _ = parts.port
        except ValueError:
            raise ValueError("has a port that is no number") from None
        return value

    return BeforeValidator(check)


def _sender(value: object) -> object:
    address = parseaddr(str(value))[1]
    if not str(value).isprintable() or not _ADDRESS.fullmatch(address):
        raise ValueError("must be one address, like Reports <reports@example.com>")
    return value


def _one_or_none(value: object) -> object:
    return _sender(value) if value else None


def _address(value: object) -> object:
    host, _, port = str(value or "").rpartition(":")
    if value and not (host and port.isdecimal() and int(port) < 2**16):
        raise ValueError("must be an address of this machine and a port, like 127.0.0.1:9464")
    return value or None


def _keys(value: object) -> object:
    keys = _listed(value)
    for key in keys if isinstance(keys, list) else []:
        try:
            length = len(base64.b64decode(key, validate=True))
        except binascii.Error:
            length = 0
        if length != VAULT_KEY_BYTES:
            message = "must be 32 random bytes in base64 (openssl rand -base64 32)"
            raise ValueError(message)
    return keys


VAULT_KEY_BYTES = 32
_ADDRESS = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
Secret = Annotated[SecretStr, Field(min_length=1)]
# An empty one is none: compose.yaml hands on what .env leaves open.
_none = BeforeValidator(lambda value: value or None)
Token = Annotated[SecretStr | None, _none]
Seeds = Annotated[list[SecretStr] | None, NoDecode, BeforeValidator(_keys), _none]
PerMinute = Annotated[int | None, Field(ge=1), _none]
Threads = Annotated[int | None, Field(ge=1, le=64), _none]
Secrets = Annotated[list[SecretStr], NoDecode, BeforeValidator(_listed), Field(min_length=1)]
DatabaseUrl = Annotated[SecretStr, _url("postgresql", "postgres", "postgresql+psycopg")]


class Settings(BaseSettings):
    """What one installation needs to know. ``docs/settings.md`` explains each."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    database_url: DatabaseUrl
    database_owner_url: DatabaseUrl | None = None
    rabbitmq_url: Annotated[SecretStr, _url("amqp", "amqps")]
    blob_url: Annotated[str, _url("file", "s3")]
    aws_access_key_id: Annotated[str | None, _none] = None
    aws_secret_access_key: Token = None
    aws_region: Annotated[str | None, _none] = None
    aws_endpoint_url: Annotated[str | None, _url("http", "https", optional=True)] = None
    vault_key: Annotated[list[SecretStr], NoDecode, BeforeValidator(_keys), Field(min_length=1)]
    openai_api_key: Secret
    openai_base_url: Annotated[str, _url("http", "https")] = "https://api.openai.com/v1"
    openai_model: str = "gpt-4.1-mini"
    openai_fallback_model: Annotated[str | None, _none] = None
    openai_fallback_base_url: Annotated[str | None, _url("http", "https", optional=True)] = None
    openai_fallback_api_key: Token = None
    openai_requests_per_minute: PerMinute = None
    openai_tokens_per_minute: PerMinute = None
    smtp_url: Annotated[SecretStr, _url("smtp", "smtps")]
    mail_from: Annotated[str, BeforeValidator(_sender)]
    operator_email: Annotated[str | None, BeforeValidator(_one_or_none)] = None
    mail_doubt: Literal["resend", "ask"] = "resend"
    stripe_webhook_secret: Secrets
    stripe_livemode: bool = False
    stripe_api_key: Token = None
    api_requests_per_minute: Annotated[int, Field(ge=1)] = 600
    stripe_api_base_url: Annotated[str, _url("http", "https")] = "https://api.stripe.com"
    public_url: Annotated[str, _url("http", "https")]
    operator_token: Token = None
    auditor_token: Token = None
    signing_key: Seeds = None
    metrics_address: Annotated[str | None, BeforeValidator(_address)] = None
    metrics_token: Token = None
    otel_exporter_otlp_endpoint: Annotated[str | None, _url("http", "https", optional=True)] = None
    log_format: Literal["json", "console"] = "json"
    speed: Annotated[float, Field(gt=0)] = 1.0
    worker_threads: Threads = None
    press_children: Annotated[int, Field(ge=1, le=16)] = 1
    press_folder: Annotated[str | None, _none] = None

    @property
    def https(self) -> bool:
        """Whether people come over https: cookies are kept to it then."""
        return self.public_url.startswith("https://")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before ``.env``."""
        return (init_settings, env_settings, _OwnDotEnv(settings_cls))


class _Given(Settings):
    """Settings that were handed over, whatever the environment says."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was handed over, and nothing else."""
        return (init_settings,)


class _OwnDotEnv(DotEnvSettingsSource):
    """``.env`` without what is meant for Docker Compose, which reads the same file."""

    def __call__(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in super().__call__().items()
            if not name.startswith("compose_")
        }


class DatabaseSettings(BaseSettings):
    """The one setting that the schema's migrations need."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    database_url: DatabaseUrl
    database_owner_url: DatabaseUrl | None = None


def load() -> Settings:
    """The settings of this process. Raises ``BadSettings`` once, naming all that is wrong, and no value."""
    try:
        return Settings()
    except ValidationError as error:
        raise BadSettings(_complaint(error)) from None


def read_from(environment: Mapping[str, str]) -> Settings:
    """The settings in ``environment`` alone, for whoever starts processes with it. Raises ``BadSettings``."""
    names = {name.upper(): name for name in Settings.model_fields}
    found = {names[name]: value for name, value in environment.items() if name in names}
    try:
        return _Given.model_validate(found)
    except ValidationError as error:
        raise BadSettings(_complaint(error)) from None


def load_database() -> DatabaseSettings:
    """Only where the database is, for work on the schema."""
    try:
        return DatabaseSettings()
    except ValidationError as error:
        raise BadSettings(_complaint(error)) from None


def redacted(settings: Settings) -> dict[str, str]:
    """Every setting by its name in the environment, secrets as asterisks."""
    return {name.upper(): str(value) for name, value in settings.model_dump(mode="json").items()}


def _complaint(error: ValidationError) -> str:
    return "these settings need attention:\n" + "\n".join(sorted(_lines(error)))


def _lines(error: ValidationError) -> Iterable[str]:
    for each in error.errors(include_input=False, include_url=False):
        name = str(each["loc"][0]).upper()
        match each["type"]:
            case "missing":
                yield f"  {name} is missing"
            case "extra_forbidden":
                yield f"  {name} is not a setting (in .env); see docs/settings.md"
            case _:
                yield f"  {name} {each['msg'].removeprefix('Value error, ')}"


NAMES = tuple(name.upper() for name in Settings.model_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """What can be used of settings that may be broken: a stand-in is put where ``complaints`` names one."""

    settings: Settings
    complaints: Mapping[str, str]


def salvage() -> Salvaged:
    """The settings of this process as far as they are usable, for whoever looks for what is wrong with the rest."""
    found: dict[str, Any] = {}

    class Raw(Settings):
        @model_validator(mode="before")
        @classmethod
        def keep(cls, raw: dict[str, Any]) -> dict[str, Any]:
            found.update(raw)
            return raw

    try:
        Raw()
    except ValidationError as error:
        lines = (line.strip().partition(" ") for line in _lines(error))
        complaints = {name: complaint for name, _, complaint in sorted(lines)}
    else:
        complaints = {}
    usable = {name: value for name, value in found.items() if name.upper() not in complaints}
    settings = _Given.model_validate({**_STAND_INS, **usable})
    return Salvaged(settings=settings, complaints=complaints)


_STAND_INS = {
    "database_url": "postgresql://nobody@localhost/none",
    "rabbitmq_url": "amqp://nobody@localhost/",
    "blob_url": "file:///nonexistent",
    "vault_key": base64.b64encode(bytes(VAULT_KEY_BYTES)).decode(),
    "openai_api_key": "none",
    "smtp_url": "smtp://localhost",
    "mail_from": "nobody@localhost",
    "stripe_webhook_secret": "none",
    "public_url": "http://localhost",
}
