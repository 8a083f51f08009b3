"""Canonical XML by libxml2: one question a line on standard input, one answer a line on standard output.

A question says which element of a document, without its first child element or with it, by which method. The
library is asked directly, for a node set: lxml canonicalizes an element as the root of a document of its own, and
then writes an `xmlns=""` where none belongs and forgets the `xml:` attributes of the ancestors.
"""

import ctypes
import json
import sys

library = ctypes.CDLL("libxml2.so.2")
pointer = ctypes.c_void_p
for name, arguments in {
    "xmlReadMemory": [ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int],
    "xmlXPathNewContext": [pointer],
    "xmlXPathEval": [ctypes.c_char_p, pointer],
    "xmlXPathSetContextNode": [pointer, pointer],
}.items():
    getattr(library, name).argtypes = arguments
    getattr(library, name).restype = pointer
for name in ["xmlXPathFreeObject", "xmlXPathFreeContext", "xmlFreeDoc"]:
    getattr(library, name).argtypes = [pointer]
    getattr(library, name).restype = None
library.xmlC14NDocDumpMemory.argtypes = [
    pointer, pointer, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.POINTER(pointer),
]
free = ctypes.CFUNCTYPE(None, pointer).in_dll(library, "xmlFree")


# No warnings, no network.
QUIET = 32 | 64 | 2048


class XPathObject(ctypes.Structure):
    """The beginning of libxml2's `xmlXPathObject`."""

    _fields_ = [("type", ctypes.c_int), ("nodes", pointer)]


NODES = "{0}|{0}/@*|{0}/namespace::*"
WHOLE = NODES.format("descendant-or-self::node()")
WITHOUT_FIRST = NODES.format("(.|text()|*[position()>1]/descendant-or-self::node())")


class NodeSet(ctypes.Structure):
    """libxml2's `xmlNodeSet`."""

    _fields_ = [("count", ctypes.c_int), ("room", ctypes.c_int), ("nodes", ctypes.POINTER(pointer))]


def first(nodes):
    return ctypes.cast(nodes, ctypes.POINTER(NodeSet)).contents.nodes[0]


def find(context, expression):
    """The node set that an expression selects, in its XPath object."""
    found = library.xmlXPathEval(expression.encode(), context)
    return found, ctypes.cast(found, ctypes.POINTER(XPathObject)).contents.nodes


def canonical(document, nodes, question):
    prefixes = [prefix.encode() for prefix in question["list"]] + [None]
    prefixes = (ctypes.c_char_p * len(prefixes))(*prefixes)
    out = pointer()
    mode = 1 if question["exclusive"] else 0
    length = library.xmlC14NDocDumpMemory(document, nodes, mode, prefixes, 0, ctypes.byref(out))
    text = ctypes.string_at(out, length).decode() if length >= 0 else "failed"
    free(out)
    return text


def answer(question):
    xml = question["xml"].encode()
    document = library.xmlReadMemory(xml, len(xml), None, None, QUIET)
    context = library.xmlXPathNewContext(document)
    chosen, apex = find(context, f"(//*)[{question['apex'] + 1}]")
    library.xmlXPathSetContextNode(first(apex), context)
    found, nodes = find(context, WITHOUT_FIRST if question["except"] else WHOLE)
    text = canonical(document, nodes, question)
    for result in [found, chosen]:
        library.xmlXPathFreeObject(result)
    library.xmlXPathFreeContext(context)
    library.xmlFreeDoc(document)
    return text


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
