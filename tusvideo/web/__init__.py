"""The aiohttp shell: heads and bodies between sockets and the floors below."""
