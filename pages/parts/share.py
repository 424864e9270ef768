"""The page on the screen as a link and as a QR code: who follows it sees the same settings and the same run."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

import segno
import streamlit as st
from streamlit import net_util

from labcore.settings import settings
from pages.parts.present import PARAMETER

QR_WIDTH = 420
LOCAL_NAMES = ("localhost", "")


@dataclass(frozen=True)
class Address:
    """Where the page is found.

    Attributes:
        link: for others; on a machine of one's own its name in the network, where that is known.
        here_only: whether the link works on this very computer alone.
        replaced: whether the browser itself uses another, local name.
    """

    link: str
    here_only: bool
    replaced: bool


def is_local(host: str) -> bool:
    """Whether a name means the very computer that it is used on.

    >>> is_local("localhost"), is_local("127.0.0.1"), is_local("192.168.0.7"), is_local("unfreeze.streamlit.app")
    (True, True, False, False)
    """
    if host in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address_of(url: str, query: str, network: str | None) -> Address:
    """The link to a page.

    Args:
        url: as the browser has it, without parameters.
        query: the parameters, encoded.
        network: this machine's address in its network, if others can reach the server by it.
    """
    parts = urlsplit(url)
    local = is_local(parts.hostname or "")
    place = parts.netloc
    if local and network:
        host = f"[{network}]" if ":" in network else network
        place = f"{host}:{parts.port}" if parts.port else host
    link = urlunsplit((parts.scheme, place, parts.path, query, ""))
    return Address(link, here_only=local and not network, replaced=local and bool(network))


def _network() -> str | None:
    bound = st.get_option("server.address")
    if settings().mode == "public" or (bound and is_local(bound)):
        return None
    return net_util.get_internal_ip()


def here() -> Address:
    """The page in this browser; the audience's screens are no projectors, so that is left out."""
    query = {name: st.query_params.get_all(name) for name in st.query_params if name != PARAMETER}
    url = st.context.url or f"http://localhost:{st.get_option('server.port')}"
    return address_of(url, urlencode(query, doseq=True), _network() if is_local(urlsplit(url).hostname or "") else None)


def code_of(link: str) -> str:
    """A link as a QR code: an SVG, dark on light in both themes, with the quiet zone that cameras need.

    Raises:
        segno.DataOverflowError: no QR code holds as much.
    """
    return segno.make(link, error="m", micro=False).svg_inline(scale=8, border=4, dark="#000000", light="#ffffff")


@st.dialog("This page on another screen", width="medium", icon=":material/qr_code_2:")
def _dialog() -> None:
    where = here()
    if where.here_only:
        st.warning(
            "This address works on this computer only. Start the lab with --server.address=0.0.0.0 and open it under "
            "the machine's name, then others can follow.",
            icon=":material/wifi_off:",
        )
    elif where.replaced:
        st.info(
            "Your browser calls this computer localhost. The link below has its address in the network instead: "
            "screens in the same network can follow it, unless a firewall keeps them out.",
            icon=":material/wifi:",
        )
    try:
        st.image(code_of(where.link), width=QR_WIDTH, alt="QR code of the link below")
    except segno.DataOverflowError:
        st.info("These settings are too long for a QR code. Copy the link.", icon=":material/qr_code_2:")
    st.code(where.link, language=None, wrap_lines=True)


def button(width: str = "content") -> None:
    """Show the link and its QR code."""
    if st.button("Share", key="share page", icon=":material/qr_code_2:", width=width,
                 help="A link and a QR code that open this page with these settings."):  # fmt: skip
        _dialog()
