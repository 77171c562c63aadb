"""A trained net in use: find it, load it, bring a picture to MNIST's form, evaluate, export."""
