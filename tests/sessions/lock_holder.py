"""Another process that holds the write lock of a database until its standard input ends."""

import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
sys.stdout.write("locked\n")
sys.stdout.flush()
sys.stdin.read()
connection.execute("ROLLBACK")
connection.close()
