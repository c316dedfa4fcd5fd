// The seed of libtorch's generator is one for the whole process, and tensors are counted on the thread that made them.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
