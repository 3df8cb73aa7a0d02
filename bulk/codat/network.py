"""The environment's settings for the way to Codat: trusted certificates and a proxy."""

from __future__ import annotations

import ssl
from urllib.request import getproxies, proxy_bypass

import httpx

from bulk.errors import UsageError


def trusted_certificates() -> ssl.SSLContext:
    """Read the trusted certificates, from SSL_CERT_FILE or SSL_CERT_DIR if they are set. Raises UsageError."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is an OSError
        raise UsageError(
            f"The certificates named by SSL_CERT_FILE or SSL_CERT_DIR cannot be read ({error.strerror or error}): "
            "fix or unset the variable. Nothing was sent."
        ) from error


def proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """Return the proxy that the environment sets for a URL, or None. Raises UsageError if it cannot be used."""
    proxies = getproxies()
    address = proxies.get(url.scheme) or proxies.get("all")
    if not address or proxy_bypass(url.host):
        return None
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
        httpx.AsyncHTTPTransport(verify=False, proxy=proxy)
    except (ValueError, httpx.InvalidURL, ImportError) as error:  # its text may contain a password
        raise UsageError(
            f"The proxy that the environment prescribes for {url.host} cannot be used ({type(error).__name__}): set "
            "HTTPS_PROXY or ALL_PROXY to http://HOST:PORT, or add the host to NO_PROXY. Nothing was sent."
        ) from None
    return proxy


def distrust(error: BaseException | None) -> str | None:
    """Return the reason why the server's certificate was rejected, or None if an error has another cause."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return None if error is None else error.verify_message
