"""What TensorBoard shows of a run: the cost curve, pictures of the net, statistics of its layers."""
