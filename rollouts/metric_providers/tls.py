"""Which certificates a request trusts and shows."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from rollouts.analysis.sample import MeasurementError
from rollouts.metric_providers.fields import Fields

CONTEXTS_MAX = 64
"""Contexts kept. Loading the system's authorities takes milliseconds; few sets of options exist."""


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """What one metric asks of TLS.

    Attributes:
        insecure: accept any certificate.
        ca: PEM text to trust in place of the system's authorities.
        certificate: PEM text to show; its key is in `key`.
        server_name: that the server's certificate must bear, in place of the host's.
    """

    insecure: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)
    server_name: str = ""


def read_tls(fields: Fields) -> TlsOptions:
    """Read `insecure` and `tls` of a metric."""
    tls = fields.inside("tls")
    return TlsOptions(
        insecure=fields.flag("insecure"),
        ca=tls.text("ca"),
        certificate=tls.text("certificate"),
        key=tls.text("key"),
        server_name=tls.text("serverName"),
    )


class TlsContexts:
    """Makes contexts and keeps them, so that connections can be used again."""

    def __init__(self, ca_file: str = "") -> None:
        """Trust the authorities in `ca_file` beside the system's."""
        self._ca_file = ca_file
        self._contexts: OrderedDict[TlsOptions, ssl.SSLContext] = OrderedDict()

    async def context(self, options: TlsOptions) -> ssl.SSLContext:
        """Return the context for some options; made in a thread, because loading takes long.

        Raises:
            MeasurementError: a certificate or key cannot be used; none is shown.
        """
        kept = self._contexts.get(options)
        if kept is None:
            made = await asyncio.to_thread(self._make, options)
            # Two may have made one at the same time; connections are shared by the first.
            kept = self._contexts.setdefault(options, made)
            if len(self._contexts) > CONTEXTS_MAX:
                self._contexts.popitem(last=False)
        if options in self._contexts:
            self._contexts.move_to_end(options)
        return kept

    def _make(self, options: TlsOptions) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cadata=options.ca or None)
            if self._ca_file and not options.ca:
                context.load_verify_locations(cafile=self._ca_file)
        except (ssl.SSLError, OSError, ValueError) as error:
            source = "tls.ca" if options.ca else f"the operator's CA file {self._ca_file}"
            raise MeasurementError(f"{source} holds no usable certificate: {error}") from None
        if options.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if options.certificate:
            _show(context, options)
        return context


def _show(context: ssl.SSLContext, options: TlsOptions) -> None:
    """Load the certificate to show; the library takes files only, so it is one for a moment."""
    descriptor, name = tempfile.mkstemp(prefix="rollouts-")  # Readable by its owner alone.
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{options.certificate}\n{options.key}\n")
        context.load_cert_chain(path, password=_no_password)
    except (ssl.SSLError, ValueError):
        raise MeasurementError(
            "tls.certificate and tls.key are no matching PEM certificate and key"
        ) from None
    finally:
        path.unlink()


def _no_password() -> str:
    """Refuse an encrypted key, which would otherwise be asked for on the terminal."""
    raise ValueError("the key is encrypted")
