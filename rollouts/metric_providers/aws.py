"""Finds AWS credentials where AWS' own tools look: environment, profile, service account, role."""

from __future__ import annotations

import asyncio
import configparser
import os
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

from rollouts.analysis.sample import MeasurementError
from rollouts.api.times import parse_time
from rollouts.metric_providers.answers import complaint
from rollouts.metric_providers.fields import Fields
from rollouts.metric_providers.http import Fetcher, Request
from rollouts.metric_providers.sigv4 import AwsCredentials, Scope, sign

SESSION_NAME = "rollouts"
RENEWED_BEFORE = timedelta(minutes=1)
"""Temporary credentials are renewed this long before they end."""

KEPT_MAX = 64

_TAG = "<{0}>([^<]*)</{0}>"


class AwsIdentity:
    """Whom the controller is to AWS, by the settings of a metric; temporary ones are kept."""

    def __init__(self, fetcher: Fetcher, environment: Mapping[str, str] | None = None) -> None:
        """Ask for temporary credentials through a fetcher."""
        self._fetcher = fetcher
        self._environment = os.environ if environment is None else environment
        self._kept: dict[tuple[str, ...], tuple[AwsCredentials, datetime]] = {}

    async def credentials(self, sigv4: Fields, now: datetime, seconds: float) -> AwsCredentials:
        """Return the credentials for `authentication.sigv4`.

        Raises:
            MeasurementError: there are none, or the role may not be assumed.
        """
        region, role = self.region(sigv4), sigv4.text("roleArn")
        own = await self._own(sigv4.text("profile"), region, now, seconds)
        if not role:
            return own
        parameters = {"Action": "AssumeRole", "RoleArn": role}
        return await self._assumed(parameters, region, now, seconds, own=own)

    def region(self, sigv4: Fields) -> str:
        """Return the region of a metric, else that of the environment.

        Raises:
            MeasurementError: neither names one.
        """
        names = ("AWS_REGION", "AWS_DEFAULT_REGION")
        found = sigv4.text("region") or next(
            (self._environment[name] for name in names if self._environment.get(name)), ""
        )
        if not re.fullmatch(r"[a-z0-9-]+", found):
            raise sigv4.wrong("region", "must name an AWS region, such as eu-west-1")
        return found

    async def _own(
        self, profile: str, region: str, now: datetime, seconds: float
    ) -> AwsCredentials:
        environment = self._environment
        key, secret = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
        if not profile and environment.get(key) and environment.get(secret):
            token = environment.get("AWS_SESSION_TOKEN", "")
            return AwsCredentials(environment[key], environment[secret], token)
        role, file = environment.get("AWS_ROLE_ARN"), environment.get("AWS_WEB_IDENTITY_TOKEN_FILE")
        if not profile and role and file:
            try:
                token = await asyncio.to_thread(Path(file).read_text)
            except OSError as error:
                reason = f"cannot read {file}: {error.strerror}"
                raise MeasurementError(f"no AWS credentials: {reason}") from None
            parameters = {
                "Action": "AssumeRoleWithWebIdentity",
                "RoleArn": role,
                "WebIdentityToken": token.strip(),
            }
            return await self._assumed(parameters, region, now, seconds)
        return await asyncio.to_thread(self._from_file, profile or "default")

    def _from_file(self, profile: str) -> AwsCredentials:
        path = self._environment.get("AWS_SHARED_CREDENTIALS_FILE")
        file = Path(path) if path else Path.home() / ".aws" / "credentials"
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
            section = parser[profile]
            return AwsCredentials(
                section["aws_access_key_id"],
                section["aws_secret_access_key"],
                section.get("aws_session_token", ""),
            )
        except (KeyError, configparser.Error, UnicodeDecodeError):
            raise MeasurementError(
                f"no AWS credentials: neither the environment nor profile {profile!r} "
                f"in {file} holds a key"
            ) from None

    async def _assumed(
        self,
        parameters: Mapping[str, str],
        region: str,
        now: datetime,
        seconds: float,
        *,
        own: AwsCredentials | None = None,
    ) -> AwsCredentials:
        """Return temporary credentials of a role, kept ones while they are good."""
        key = (parameters["RoleArn"], region, own.access_key if own else "")
        kept = self._kept.get(key)
        if kept is not None and now < kept[1] - RENEWED_BEFORE:
            return kept[0]
        form = {"Version": "2011-06-15", "RoleSessionName": SESSION_NAME, **parameters}
        url = self._environment.get("AWS_ENDPOINT_URL_STS") or f"https://sts.{region}.amazonaws.com"
        url = url.rstrip("/") + "/"
        headers: tuple[tuple[str, str], ...] = (
            ("Content-Type", "application/x-www-form-urlencoded"),
        )
        body = urlencode(form).encode()
        secrets: tuple[str, ...] = (parameters.get("WebIdentityToken", ""),)
        if own is not None:
            scope = Scope(region, "sts", now)
            headers = (*headers, *sign("POST", url, headers, body, credentials=own, scope=scope))
            secrets = (own.secret_key, own.session_token)
        request = Request("POST", url, headers, body, secrets=secrets)
        answer = await self._fetcher.fetch(request, seconds)
        text = answer.text()
        tags = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
        found = [match[1] for tag in tags if (match := re.search(_TAG.format(tag), text))]
        if answer.status != 200 or len(found) != len(tags):
            raise complaint(answer, f"to the wish to assume {parameters['RoleArn']}", secrets)
        access_key, secret_key, token = (unescape(each).strip() for each in found[:3])
        made = AwsCredentials(access_key, secret_key, token)
        try:
            expires = parse_time(found[3])
        except ValueError:
            raise complaint(
                answer, "with an expiration that is no time", (secret_key, token)
            ) from None
        self._kept.pop(key, None)
        self._kept[key] = (made, expires)
        if len(self._kept) > KEPT_MAX:
            self._kept.pop(next(iter(self._kept)))
        return made
