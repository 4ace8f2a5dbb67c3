"""Exec, attach and port-forward over SPDY/3.1 and WebSocket, as kubectl, crictl and the kubelet speak them.

    peer ──bytes──► core ──events──► driver ──► session of the runtime
         ◄─bytes───      ◄──calls───        ◄──

A *core* (`head`, `spdy`, `websocket`, `command_*`, `forward_*`) does no input or output, and knows neither time nor
task: bytes go in and events come out, calls go in and bytes come out. `wire` owns the socket, `serve_*` drive the
sessions that the runtime gives (`session`), `server` is what the CRI server uses.
"""
