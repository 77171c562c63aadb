/* One epoch of gradient descent by mini-batches, on one core: sigmoid units, mean squared error. in_c.py compiles it.

   The weights of a layer are stored by input neuron, W[i][j] for input i and neuron j. Then the inner loops run over
   neurons, and the compiler vectorises them without reordering a sum. */

#include <math.h>

/* z_j = sum_i W[i][j] a_i + b_j, a_j = sigmoid(z_j), for a mini-batch. below: (size, n). above: (size, m). */
static void forward(int n, int m, int size, const float *W, const float *b, const float *below, float *above) {
    for (int e = 0; e < size; e++)
        for (int j = 0; j < m; j++) above[e * m + j] = b[j];
    for (int i = 0; i < n; i++)
        for (int e = 0; e < size; e++) {
            const float a = below[e * n + i];
            for (int j = 0; j < m; j++) above[e * m + j] += a * W[i * m + j];
        }
    for (int k = 0; k < size * m; k++) above[k] = 1.0f / (1.0f + expf(-above[k]));
}

/* The delta of the layer below, delta_i = (sum_j W[i][j] delta_j) a_i (1 - a_i). */
static void back(int n, int m, int size, const float *W, const float *delta, const float *below, float *delta_below) {
    for (int e = 0; e < size; e++)
        for (int i = 0; i < n; i++) {
            float sum = 0.0f;
            for (int j = 0; j < m; j++) sum += W[i * m + j] * delta[e * m + j];
            delta_below[e * n + i] = sum * below[e * n + i] * (1.0f - below[e * n + i]);
        }
}

/* w(t+1) = w(t) - eta dC/dw, with dC/dW[i][j] = mean over the mini-batch of delta_j a_i. step: eta / size. */
static void update(int n, int m, int size, float step, float *W, float *b, const float *delta, const float *below) {
    for (int i = 0; i < n; i++)
        for (int e = 0; e < size; e++) {
            const float a = step * below[e * n + i];
            for (int j = 0; j < m; j++) W[i * m + j] -= a * delta[e * m + j];
        }
    for (int e = 0; e < size; e++)
        for (int j = 0; j < m; j++) b[j] -= step * delta[e * m + j];
}

/* layers: the number of layers of weights. sizes: (layers + 1). W, b: the weights of each layer.
   order: (examples), indices of images. a, delta: space for (batch, sizes[l]) in each layer l, inputs included. */
void epoch(int layers, const int *sizes, float **W, float **b, const float *images, const float *targets,
           const long long *order, int examples, int batch, float eta, float **a, float **delta) {
    const int inputs = sizes[0], outputs = sizes[layers];
    for (int start = 0; start < examples; start += batch) {
        const int size = examples - start < batch ? examples - start : batch;
        for (int e = 0; e < size; e++)
            for (int i = 0; i < inputs; i++) a[0][e * inputs + i] = images[order[start + e] * inputs + i];
        for (int l = 0; l < layers; l++) forward(sizes[l], sizes[l + 1], size, W[l], b[l], a[l], a[l + 1]);
        for (int e = 0; e < size; e++)
            for (int j = 0; j < outputs; j++) { /* dC/dz of the mean squared error over the outputs */
                const float out = a[layers][e * outputs + j], y = targets[order[start + e] * outputs + j];
                delta[layers][e * outputs + j] = 2.0f / outputs * (out - y) * out * (1.0f - out);
            }
        for (int l = layers - 1; l > 0; l--) back(sizes[l], sizes[l + 1], size, W[l], delta[l + 1], a[l], delta[l]);
        for (int l = 0; l < layers; l++)
            update(sizes[l], sizes[l + 1], size, eta / size, W[l], b[l], delta[l + 1], a[l]);
    }
}
