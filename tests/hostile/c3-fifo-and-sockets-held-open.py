# expect: any
import os
import socket

ends = os.pipe()
pair = socket.socketpair()
gone = open("gone", "w")
os.unlink("gone")
