def problems_of(config, candidate, data_file):
    return []
