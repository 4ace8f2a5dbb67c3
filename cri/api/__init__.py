"""The messages and services of CRI v1 (package `runtime.v1` of cri-api 0.36), compiled from the .proto files here.

`firkin.cri.api.container_pb2` and its neighbours are made by the build; their type stubs are kept beside the sources,
`make generate` writes them anew. What only Windows has is left out: a peer's fields of that kind are unknown ones.
"""
