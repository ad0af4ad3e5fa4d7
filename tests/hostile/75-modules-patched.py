# expect: any
import ast
import io
import json
import linecache
import os
import signal
import socket
import struct
import sys
import time
import traceback


def wrong(*_, **__):
    return "FORGED"


for module in (json, json.encoder, json.decoder, struct, socket, socket.socket, traceback, linecache, ast, io, signal, time, os, sys):
    for name in list(vars(module)):
        if callable(getattr(module, name, None)) and not name.startswith("__"):
            try:
                setattr(module, name, wrong)
            except (AttributeError, TypeError):
                pass
