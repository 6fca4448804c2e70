"""A test channel: a picture and a sound that carry the wall clock, published like any encoder's."""
