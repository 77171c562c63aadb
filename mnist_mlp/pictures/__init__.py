"""Find the digits in a picture and bring them to the form of MNIST's images."""
