"""The interface of the package `fitbit` 0.3.1, kept alive after the Fitbit Web API was switched off (docs/fitbit.md).

`compat` answers its calls from the Google Health API, `replay` from answers that were recorded, `mended` asks a proxy
of the Web API that an institution runs. Only the modules of this folder import `fitbit`, which takes half a second, so
whoever needs one of them imports it when it is needed.
"""
