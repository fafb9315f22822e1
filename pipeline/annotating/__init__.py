"""Reading clicks and scribbles of annotators, writing what comes of them."""
