def read(path, *, limits=None): raise NotImplementedError
