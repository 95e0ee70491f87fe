"""gunicorn's own way in: `gunicorn -c gunicorn.conf.py 'app.compose:application()'`.

The options are those of `strongroom serve`, from the same function and environment.

The memory budget of one process, with 32 threads. None of it grows with the size of a file.

    What                                                       each         all
    Python, the service and boto3                                        100 MiB
    Threads: a piece of 1 MiB going out and the next one,
      or a window of 1 MiB and its digests; 256 KiB of TLS    2.5 MiB     80 MiB
    Parts of uploads to S3 (STRONGROOM_UPLOAD_MEMORY), which
      a folder does not need                                           1,088 MiB
    Connections: 1,000 with a head of up to 32 KiB                        32 MiB
    Records remembered for 10 s: 10,000                         2 KiB     20 MiB
    Rendered documents, bounded where they are kept                       64 MiB
    Room for the allocator, a tenth                                      116 MiB
    Total                                                              1,500 MiB

On a folder it is about 400 MiB. More threads cost 2.5 MiB each; a larger
STRONGROOM_UPLOAD_MEMORY costs what it says, in each of the STRONGROOM_WORKERS.
"""

import os

from app.server.run import gunicorn_options
from app.settings import read_settings

# gunicorn takes its options from the names of this module.
globals().update(gunicorn_options(read_settings(os.environ)))
