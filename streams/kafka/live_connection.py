"""Connection settings of the cluster for faust-streaming: credentials with a TLS context."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from faust.auth import Credentials, GSSAPICredentials, SASLCredentials, SSLCredentials

from streams.kafka.settings import GSSAPI, Cluster


def credentials(cluster: Cluster) -> Credentials | None:
    """Build Faust's credentials from the cluster's settings; None for a plaintext connection.

    Reads the certificate files. Raises OSError or ssl.SSLError for files that cannot be read.
    """
    given = cluster.admin()
    protocol = given.get("security_protocol", "PLAINTEXT")
    context = _tls(given) if protocol.endswith("SSL") else None
    if protocol.startswith("SASL_"):
        return _sasl(given, context)
    return SSLCredentials(context) if context else None


def _sasl(given: Mapping[str, Any], context: ssl.SSLContext | None) -> Credentials:
    mechanism = given.get("sasl_mechanism", GSSAPI)
    if mechanism == GSSAPI:
        service = given.get("sasl_kerberos_service_name", "kafka")
        return GSSAPICredentials(kerberos_service_name=service, ssl_context=context, mechanism=mechanism)
    username, password = given.get("sasl_plain_username"), given.get("sasl_plain_password")
    return SASLCredentials(username=username, password=password, ssl_context=context, mechanism=mechanism)


def _tls(given: Mapping[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=given.get("ssl_cafile"))
    context.check_hostname = given.get("ssl_check_hostname", True)
    if "ssl_certfile" in given:
        context.load_cert_chain(given["ssl_certfile"], given.get("ssl_keyfile"), given.get("ssl_password"))
    if "ssl_crlfile" in given:
        context.load_verify_locations(given["ssl_crlfile"])
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context
