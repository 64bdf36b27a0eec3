print("strata-example")
